"""What every page draws with: charts, tables, texts, downloads."""
