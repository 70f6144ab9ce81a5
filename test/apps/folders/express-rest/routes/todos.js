const { Router } = require("express");

const router = Router();
const todos = new Map([["1", { id: "1", title: "Write a test" }]]);

router.get("/", (req, res) => res.json([...todos.values()]));
router.get("/:id", (req, res) => {
  const todo = todos.get(req.params.id);
  if (!todo) return res.status(404).json({ error: "no such todo" });
  res.json(todo);
});
router.post("/", (req, res) => {
  if (req.body.title === "fail") throw new Error("refused");
  const todo = { id: String(todos.size + 1), title: req.body.title };
  todos.set(todo.id, todo);
  res.status(201).location(`/todos/${todo.id}`).json(todo);
});

module.exports = router;
