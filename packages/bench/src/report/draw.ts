import type { Chart } from "./charts.ts";

const WIDTH = 960;

/** Each picture as SVG, so many pixels high. */
export async function draw(all: readonly Pick<Chart, "option">[], height: number): Promise<string[]> {
  const echarts = await import("echarts");
  return all.map(({ option }) => {
    const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
    try {
      chart.setOption(option);
      return chart.renderToSVGString();
    } finally {
      // One that is not disposed of keeps the process alive.
      chart.dispose();
    }
  });
}
