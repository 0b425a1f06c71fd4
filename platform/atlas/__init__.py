"""Atlas: ML pipelines as data, from a notebook to production."""
