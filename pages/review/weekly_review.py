"""The weekly review: success rate, balance of work and reconciliation of one week, signed off by somebody."""

from core.reviews.check import Cadence
from core.ui.reviews import review_page

review_page.show(Cadence.WEEKLY)
