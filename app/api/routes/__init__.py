"""The routes, thin: read, ask the pipeline, answer."""
