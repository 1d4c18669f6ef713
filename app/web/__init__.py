"""The page: a form, and an answer with pictures. Server-rendered; works without JavaScript."""
