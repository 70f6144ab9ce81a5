import type { Chart } from "./charts.ts";

const WIDTH = 960;

/** Draws charts as SVG, `height` pixels high. */
export async function drawSvg(all: readonly Pick<Chart, "option">[], height: number): Promise<string[]> {
  const echarts = await import("echarts");
  return all.map(({ option }) => {
    const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
    try {
      chart.setOption(option);
      return chart.renderToSVGString();
    } finally {
      // A chart that is not disposed keeps the process alive.
      chart.dispose();
    }
  });
}
