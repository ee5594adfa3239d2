"""What measures: runs, budget, cache, statistics, probes, the journey. It exists once."""
