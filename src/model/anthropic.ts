import { createAnthropic } from "@ai-sdk/anthropic";
import { field } from "./fault.ts";
import type { AdapterSettings, SdkModel } from "./sdk.ts";

/**
 * Opens a model behind Anthropic's Messages API.
 *
 * The system prompt and tools are marked for the cache, and the request as a whole, which has the vendor move a mark
 * along with the last message. No message holds a mark, so each request extends the one before byte for byte.
 */
export function openAnthropic({ name, baseUrl, apiKey, fetch }: AdapterSettings): SdkModel {
  const cacheControl = { type: "ephemeral" } as const;
  return {
    model: createAnthropic({ baseURL: baseUrl, apiKey: apiKey ?? "", fetch })(name),
    dialect: {
      // Eager tool streaming would give up the vendor's promise that arguments are JSON.
      requestOptions: () => ({ anthropic: { cacheControl, toolStreaming: false } }),
      systemOptions: { anthropic: { cacheControl } },
      mayReturnReasoning: (vendor) => {
        const own = field(vendor, "anthropic");
        return field(own, "signature") !== undefined || field(own, "redactedData") !== undefined;
      },
      hasTextArguments: false,
      hasImagesInResults: true,
    },
  };
}
