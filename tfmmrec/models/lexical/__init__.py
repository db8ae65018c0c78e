"""Search of texts by their words: tokenization, the BM25 index, and similar spellings."""
