"""What the compiler says when it does not know. Apart: who compiles nothing loads no compiler."""


class NotCompilable(Exception):
    """The schema has a part for which no function can be emitted."""


class Unusual(Exception):
    """Emitted code cannot tell what construct would do with these data."""
