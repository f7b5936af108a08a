"""What the benchmarks of a serving node use beside it: a generator of load, and the least that could be served."""
