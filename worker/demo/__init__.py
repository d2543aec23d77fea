"""The demo: a small web of made-up publications that ships with the package, and a run of the real engine over it."""
