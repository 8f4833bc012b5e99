"""What Python code means across files: names, values, classes, functions, lists and texts."""
