"""tunewise: for this task, prompt or fine-tune? Advice and compute estimates with their reasons."""

__version__ = "0.1.0"
