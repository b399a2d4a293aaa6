"""Claims from beginners' articles, and the rulings that turn measured facts into verdicts.

verdict.py     the word that facts deserve
ledger.py      settle a claim, list the verdicts
catalogue.py   every claim in our words, with its ruling
observe.py     run something and see its warnings and its error
on_autograd.py, on_training.py, on_tools.py   the rulings

The experiments stand in the notebook "Claims, checked", where a reader can change them.
"""

from course_exercises.claims.ledger import Ledger, Settled
from course_exercises.claims.observe import Observation, observe

__all__ = ["Ledger", "Observation", "Settled", "observe"]
