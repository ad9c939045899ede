"""The consumers' HTTP surface beside the hot endpoints: models, money, operation, and what is not offered yet."""
