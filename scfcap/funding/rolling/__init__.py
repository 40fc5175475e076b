"""Plans made anew period by period, and what else a treasurer could do, in worlds that happen."""
