"""The life of a model: when a version becomes the champion, and the log of every decision."""
