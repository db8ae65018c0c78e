"""The names of segments, models and metrics in an evaluation; imports nothing, so that pages and
the console can read stored results without TensorFlow.
"""

# Segments of the targets: known users with warm items, known users with cold-start items, and new
# users with warm items; and their titles in reports.
TITLES = {"warm": "Warm items", "cold": "Cold-start items", "new_users": "New users"}
SEGMENTS = tuple(TITLES)
# The name of the evaluated model, next to the names of its baselines.
MODEL = "model"
# Number of items per user in the lists, and the cutoff by which models are compared.
K = 10
# The metrics by which runs are compared.
METRICS = (f"hr@{K}", f"ndcg@{K}", "mrr")
