const express = require("express");

const app = express();
app.set("view engine", "ejs");
app.set("views", `${__dirname}/views`);
app.use(express.urlencoded({ extended: false }));
app.get("/", (req, res) => res.render("index", { name: req.query.name || "world" }));
app.post("/form", (req, res) => res.redirect(303, `/?name=${encodeURIComponent(req.body.name)}`));

module.exports = app;

if (require.main === module) app.listen(process.env.PORT || 3000);
