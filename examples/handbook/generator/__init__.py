"""The pieces that write the handbook task: facts, documents and questions."""
