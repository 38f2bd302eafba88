"""The daily checks: failed payments, webhooks and assignments of one business day, signed off by somebody."""

from core.reviews.check import Cadence
from core.ui.reviews import review_page

review_page.show(Cadence.DAILY)
