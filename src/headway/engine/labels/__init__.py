"""Label noise: which references are doubted, by whom, and the score ceiling that this implies.

votes       a vote, the rule that makes a reference suspect, the doubt that orders the queue
nearby      labels by a light classifier and nearest neighbours on embeddings, out of fold
spans       pieces of a text that could be an answer
reader      a light model of which piece answers the question, out of fold
answers     what chat models have answered already
weights     whose weights answer under a model's name
ceiling     the share of wrong references, by verdicts or suspects
contradict  whether the knowledge says two different things
doubter     asks all that fit a task, and fills the queue
"""

from .contradict import contradiction
from .doubter import Doubter, Doubts, keep_doubts, noise, noise_among

__all__ = ["Doubter", "Doubts", "contradiction", "keep_doubts", "noise", "noise_among"]
