"""The cards of a bundle: what its models are, what was measured, which films they come from."""

from train.card.data_card import write_data_card
from train.card.model_card import seal_with_cards, write_card

__all__ = ["seal_with_cards", "write_card", "write_data_card"]
