"""Terms of the score in closed form: item-item, content and popularity."""
