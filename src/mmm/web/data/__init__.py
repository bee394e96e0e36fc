"""Pages on the way of the data: connect, map columns, data quality, prepare."""
