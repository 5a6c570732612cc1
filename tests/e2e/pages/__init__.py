"""Pages whose commands are executed: what stands in a block is what an operator types, and what these run."""
