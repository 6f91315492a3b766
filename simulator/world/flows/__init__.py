"""How flows share links: few of them all at once (``filling``), many of them each when its rate changes (``crowd``)."""
