// Calls every operation through the generated types; `tsc --strict` checks what is sent and what is read.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
interface Given {
  address: string;
  token: string;
  order: string;
  price: string;
  plan: string;
  code: string;
  page: string;
}

const given = JSON.parse(process.argv[2] ?? "") as Given;
const client = createClient<paths>({
  baseUrl: given.address,
  headers: { Authorization: `Bearer ${given.token}` },
});
const customerInfo = { email: "typescript@example.com", patientId: `patient-${given.order}` };
const key = (name: string) => ({ header: { "Idempotency-Key": `${given.order}-${name}` } });
const payment = { amount: 4900, currency: "usd", customerInfo };
function must<T>(data: T | undefined, error: unknown): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

const checkout = await client.POST("/api/payments/create-checkout-session", {
  params: key("checkout"),
  body: {
    cartItems: [{ stripePriceId: given.price, quantity: 1 }],
    customerInfo,
    options: { success_url: given.page, cancel_url: given.page, orderId: given.order, mode: "payment" },
  },
});
const sessionId = must(checkout.data, checkout.error).sessionId;
const status = await client.GET("/api/payments/verify-status/{sessionId}", { params: { path: { sessionId } } });
const paid = await client.POST("/api/payments/process-payment", {
  params: key("pay"),
  body: { ...payment, paymentMethodId: "pm_card_visa", orderId: given.order, savePaymentMethod: true },
});
const declined = await client.POST("/api/payments/process-payment", {
  params: key("declined"),
  body: {
    ...payment,
    paymentMethodId: "pm_card_visa_chargeDeclinedInsufficientFunds",
    orderId: `${given.order}-declined`,
    savePaymentMethod: false,
  },
});
if (declined.response.status !== 402) throw new Error(`no decline: ${JSON.stringify(declined.error)}`);
const decline = declined.error as components["schemas"]["Decline"];
const failure = await client.POST("/api/payments/handle-failure", {
  params: key("failure"),
  body: { paymentIntentId: decline.paymentIntentId!, orderId: `${given.order}-declined` },
});
const discount = await client.POST("/api/payments/validate-discount", {
  params: key("discount"),
  body: { code: given.code, amount: 4900, currency: "usd" },
});
const methods = await client.GET("/api/payments/payment-methods", {
  params: { query: { patientId: customerInfo.patientId } },
});
const subscription = await client.POST("/api/payments/create-subscription", {
  params: key("subscription"),
  body: { customerInfo, stripePriceId: given.plan, paymentMethodId: "pm_card_visa", orderId: given.order },
});
const subscriptionId = must(subscription.data, subscription.error).subscriptionId;
const cancelled = await client.POST("/api/payments/cancel-subscription", {
  params: key("cancel"),
  body: { subscriptionId, atPeriodEnd: false },
});

console.log(
  JSON.stringify({
    checkout: must(status.data, status.error).orderId,
    payment: must(paid.data, paid.error).status,
    decline: [decline.code, decline.declineCode, decline.retryable],
    failure: must(failure.data, failure.error).declineCode,
    discount: must(discount.data, discount.error).total,
    cards: must(methods.data, methods.error).paymentMethods.map((card) => card.last4),
    subscription: must(subscription.data, subscription.error).status,
    cancelled: must(cancelled.data, cancelled.error).status,
  }),
);
