import express, { type Request, type Response } from "express";
import { OrderService } from "./orders/service";

const app = express();
const service = new OrderService();
app.use(express.json());
app.get("/orders/:id", (req: Request, res: Response) => {
  res.json(service.find(Number(req.params.id)));
});
app.post("/orders", (req: Request, res: Response) => {
  res.status(201).json(service.add(req.body as { item: string }));
});

const port: number = Number(process.env.PORT ?? 3000);
app.listen(port);
