import asyncio
import unittest

from main import server
from mcp import Client


class GreetTest(unittest.TestCase):
    def test_greets_by_name(self):
        async def greeting():
            async with Client(server) as client:
                return await client.call_tool("greet", {"name": "you"})

        self.assertEqual(asyncio.run(greeting()).content[0].text, "Hello, you!")


if __name__ == "__main__":
    unittest.main()
