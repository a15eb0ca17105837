"""The benchmarks: `python -m tests.benchmarks`. Every figure stands beside a floor from the same run."""
