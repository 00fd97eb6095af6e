"""The wire: what requests and answers look like, and how numbers, times and errors are written."""
