export interface Order {
  id: number;
  item: string;
}

export class OrderService {
  private readonly orders: Order[] = [{ id: 1, item: "book" }];

  find(id: number): Order | null {
    return this.orders.find((order) => order.id === id) ?? null;
  }

  add({ item }: { item: string }): Order {
    const order = { id: this.orders.length + 1, item };
    this.orders.push(order);
    return order;
  }
}
