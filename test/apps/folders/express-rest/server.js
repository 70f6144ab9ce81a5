const express = require("express");
const cookieParser = require("cookie-parser");
const path = require("node:path");
const todos = require("./routes/todos");

const app = express();
app.use(express.json());
app.use(cookieParser());
app.use("/assets", express.static(path.join(__dirname, "public")));
app.use("/todos", todos);
app.get("/", (req, res) => {
  res.cookie("visited", "yes");
  res.send(`<h1>Todos</h1>${req.cookies.visited ? "<p>Welcome back</p>" : ""}`);
});
app.use((error, req, res, next) => {
  res.status(500).json({ error: error.message });
});

const port = process.env.PORT || 3000;
app.listen(port, () => console.log(`listening on ${port}`));
