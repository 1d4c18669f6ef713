"""The exported files in the real libraries: a job of its own (.ci/real-exports), since it needs torch."""
