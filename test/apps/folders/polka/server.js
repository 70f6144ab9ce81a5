const polka = require("polka");

polka()
  .get("/quotes/:author", (req, res) => {
    res.end(`A quote by ${req.params.author}`);
  })
  .listen(process.env.PORT || 3000, (error) => {
    if (error) throw error;
  });
