"""What the columns of a table look like, in little memory, with equal bytes for equal rows.

A reference profile is made of the rows that a model was trained on. It chooses the places at which
each column is counted: at most 1,023 cut points of a number (quantiles of the rows), at most 256
categories. A batch that is profiled later is counted at the same places, so that counts of batches
add up without an error, and two distributions are compared exactly at these places. A sketch such
as KLL would need less room for very wide tables, and costs an error in each comparison and bytes
that differ from run to run.
"""
