"""The command line: parses, calls and reports. It takes no decisions of its own."""
