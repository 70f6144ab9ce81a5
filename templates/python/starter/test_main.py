import unittest
from unittest.mock import MagicMock

from main import handler


class HandlerTest(unittest.TestCase):
    def test_greets_the_given_name(self):
        self.assertEqual(handler({"body": {"name": "you"}}, MagicMock()), {"hello": "you"})

    def test_greets_the_world_without_a_name(self):
        self.assertEqual(handler({"body": None}, MagicMock()), {"hello": "world"})


if __name__ == "__main__":
    unittest.main()
