"""The vocabulary: every type that stages exchange. Read this package first."""
