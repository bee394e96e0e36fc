"""What can be done with a trained model: files, plans, a refresh."""
