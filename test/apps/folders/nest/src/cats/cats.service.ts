import { Injectable } from "@nestjs/common";

@Injectable()
export class CatsService {
  private readonly cats = ["Tom"];

  all(): string[] {
    return this.cats;
  }
}
