"""When triggers would have fired: over batches of the past, or made-up ones with a known change.

Nothing is written: no look is numbered, no event is made, no risk is spent.
"""
