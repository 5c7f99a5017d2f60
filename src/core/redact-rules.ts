/** A format of secrets that can be told by its looks. */
export interface SecretRule {
  readonly id: string;
  /** What the placeholder calls it. */
  readonly name: string;
  /** Beginnings, in lower case, of at least three signs: where one stands the pattern is tried. */
  readonly anchors: readonly string[];
  /** Its group is the secret; without one, all of it. No part of it repeats another, and none crosses the end of a line. */
  readonly pattern: RegExp;
}

const HEX = [..."0123456789abcdef"];

function rule(id: string, name: string, anchors: string | readonly string[], pattern: RegExp): SecretRule {
  return {
    id,
    name,
    anchors: typeof anchors === "string" ? anchors.split(" ") : anchors,
    pattern: new RegExp(pattern, `dy${pattern.flags}`),
  };
}

/** The formats; private keys in PEM are looked for apart, because they are of many lines. */
export const SECRET_RULES: readonly SecretRule[] = [
  rule("aws-access-key-id", "aws", "akia asia abia acca", /(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/),
  rule(
    "aws-secret-key",
    "aws",
    "secret_access_key secretaccesskey aws_secret",
    /(?:aws_)?secret_?(?:access_?)?key["']?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/i,
  ),
  rule("github-token", "github", "ghp_ gho_ ghu_ ghs_ ghr_", /gh[pousr]_[A-Za-z0-9]{36,255}/),
  rule("github-fine-grained", "github", "github_pat_", /github_pat_[A-Za-z0-9_]{60,255}/),
  rule(
    "gitlab-token",
    "gitlab",
    "glpat- gldt- glrt- glptt- glsoat- glcbt- glimt- glagent- glft-",
    /gl(?:pat|dt|rt|ptt|soat|cbt|imt|agent|ft)-[\w.-]{20,300}/,
  ),
  rule(
    "slack-token",
    "slack",
    "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxe. xapp-",
    /x(?:ox[bpars]-|oxe[.-]|app-)[\w.-]{20,300}/,
  ),
  rule(
    "slack-webhook",
    "slack",
    "hooks.slack.com",
    /hooks\.slack\.com\/(?:services|workflows|triggers)\/([\w/-]{20,200})/,
  ),
  rule("stripe-key", "stripe", "sk_live_ sk_test_ rk_live_ rk_test_", /[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}/),
  rule("stripe-webhook", "stripe", "whsec_", /whsec_[A-Za-z0-9+/=]{24,250}/),
  rule("npm-token", "npm", "npm_", /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/),
  rule("npm-auth", "npm", "_authtoken", /_authToken[ \t]{0,4}=[ \t]{0,4}([\w.+/=-]{16,300})/),
  rule("pypi-token", "pypi", "pypi-", /pypi-AgE[\w-]{50,1000}/),
  rule("google-api-key", "google", "aiza", /AIza[\w-]{35}(?![\w-])/),
  rule("google-oauth", "google", "ya29. gocspx-", /(?:ya29\.[\w-]{20,500}|GOCSPX-[\w-]{24,60})/),
  rule("anthropic-key", "anthropic", "sk-ant-", /sk-ant-[a-z]{2,8}\d\d-[\w-]{24,300}/),
  rule("openai-key", "openai", "sk-", /sk-(?:(?:proj|svcacct|admin|None)-[\w-]{20,300}|[A-Za-z0-9]{40,100}(?![\w-]))/),
  rule("openrouter-key", "openrouter", "sk-or-", /sk-or-v1-[0-9a-f]{64}/),
  rule("huggingface-token", "huggingface", "hf_ api_org_", /(?:hf_|api_org_)[A-Za-z0-9]{34,40}(?![A-Za-z0-9])/),
  rule("groq-key", "groq", "gsk_", /gsk_[A-Za-z0-9]{48,64}(?![A-Za-z0-9])/),
  rule("sendgrid-key", "sendgrid", "sg.", /SG\.[\w-]{16,32}\.[\w-]{32,64}/),
  rule(
    "twilio-key",
    "twilio",
    HEX.map((digit) => `sk${digit}`),
    /SK[0-9a-f]{32}(?![A-Za-z0-9])/,
  ),
  rule(
    "twilio-token",
    "twilio",
    "twilio_auth_token twilioauthtoken",
    /twilio_?auth_?token["']?[ \t]{0,4}[:=][ \t]{0,4}["']?([0-9a-f]{32})(?![A-Za-z0-9])/i,
  ),
  rule("mailgun-key", "mailgun", "key-", /key-[0-9a-f]{32}(?![A-Za-z0-9])/),
  rule("digitalocean-token", "digitalocean", "dop_v1_ doo_v1_ dor_v1_", /do[opr]_v1_[0-9a-f]{64}/),
  rule("shopify-token", "shopify", "shpat_ shpca_ shppa_ shpss_", /shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}/),
  rule("vault-token", "vault", "hvs. hvb. hvr.", /hv[sbr]\.[\w-]{24,300}/),
  rule("docker-token", "docker", "dckr_pat_ dckr_oat_", /dckr_[po]at_[\w-]{24,100}/),
  rule("linear-key", "linear", "lin_api_", /lin_api_[A-Za-z0-9]{40}/),
  rule("notion-token", "notion", "ntn_", /ntn_[A-Za-z0-9]{40,60}/),
  rule("postman-key", "postman", "pmak-", /PMAK-[0-9a-f]{24}-[0-9a-f]{34}/),
  rule("grafana-token", "grafana", "glsa_ glc_", /gl(?:sa_[A-Za-z0-9]{32}_[0-9a-f]{8}|c_[A-Za-z0-9+/]{32,400}={0,2})/),
  rule("rubygems-key", "rubygems", "rubygems_", /rubygems_[0-9a-f]{48}/),
  rule(
    "telegram-token",
    "telegram",
    "bot1 bot2 bot3 bot4 bot5 bot6 bot7 bot8 bot9",
    /bot(\d{8,10}:AA[\w-]{33})(?![\w-])/,
  ),
  rule("age-key", "age", "age-secret-key-1", /AGE-SECRET-KEY-1[0-9A-Z]{58}/),
  rule("azure-key", "azure", "accountkey=", /AccountKey=([A-Za-z0-9+/]{60,100}={0,2})/i),
  rule("jwt", "jwt", "eyj", /eyJ[\w-]{10,4000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000}/),
  rule("url-password", "password", "://", /:\/\/[^\s:@/"'`<>{}$\\]{0,128}:([^\s@/"'`<>{}$\\«]{3,256})@/),
  rule("bearer", "bearer", "bearer", /bearer[ \t]{1,4}([\w.~+/=-]{20,4000})/i),
  rule(
    "basic",
    "basic",
    ["basic"],
    /basic[ \t]{1,4}((?:[A-Za-z0-9+/]{4}){4,500}(?:[A-Za-z0-9+/]{2,3}={1,2})?={0,2})(?![\w/+-])/i,
  ),
];
