"""The users of the log that the user table does not list, and who have no features therefore."""

from typing import Any

from tfmmrec.data.dataset_file import DatasetFile
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions.id_hints import similar_id

# Tables that write ids in two ways do so in most rows.
_NUM_COMPARED = 1000


def unlisted_users(dataset: DatasetFile, users: IdIndex, num_listed: int) -> dict[str, Any]:
    """Counts the users that only the log contains.

    Args:
        dataset: the dataset file.
        users: the ids of the user table and, after them, of these users.
        num_listed: the number of ids of the user table.

    Returns:
        `unlisted_users`: their number, `count`, and `similar`, one of the first 1000 of their ids
        and an id of the table that it resembles, or null. {} if there are none, or no user table.
    """
    count = len(users) - num_listed
    if dataset.users is None or not count:
        return {}
    known = users.from_row(0)
    listed, ids = known[:num_listed], known[num_listed:][:_NUM_COMPARED]
    found = similar_id(listed, ids)
    similar = [ids[found[0]], found[1]] if found else None
    return {"unlisted_users": {"count": count, "similar": similar}}
