"""The engine `bayes`: adstock and saturation per channel, a flexible baseline integrated out exactly."""
