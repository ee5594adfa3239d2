"""The words of Headway as frozen data. Imports nothing else of ours."""
