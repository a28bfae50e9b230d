"""The read-only web page over workloads: its files, and the documents that it asks for."""
