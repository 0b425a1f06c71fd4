"""What the documents give: which pipelines belong together, and what they are compiled to."""
