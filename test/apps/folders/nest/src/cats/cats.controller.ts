import { Controller, Get, NotFoundException, Param, ParseIntPipe } from "@nestjs/common";
import { CatsService } from "./cats.service";

@Controller("cats")
export class CatsController {
  constructor(private readonly cats: CatsService) {}

  @Get()
  all(): string[] {
    return this.cats.all();
  }

  @Get(":id")
  one(@Param("id", ParseIntPipe) id: number): string {
    const cat = this.cats.all()[id];
    if (cat === undefined) throw new NotFoundException();
    return cat;
  }
}
