"""Benchmarks: every figure that the library promises, measured beside hand-written programs.

``python -m tests.benchmarks`` prints them as tables, a group a file; see `tests.benchmarks.__main__`.
"""
